// Loaded into API and worker before their own code: they run in a session of their own, so when the launcher dies without having
// stopped them (kill -9) nothing else would.
process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
process.channel?.unref();
