const { TestEnvironment } = require("jest-environment-node");

/** Node, with `globalThis.hasTestFailed` for the hooks after a test, which Jest does not tell how it went. */
module.exports = class FailureEnvironment extends TestEnvironment {
  handleTestEvent(event) {
    if (event.name === "test_start") this.global.hasTestFailed = false;
    if (event.name === "test_fn_failure") this.global.hasTestFailed = true;
  }
};
