// One embedded Postgres for a whole Jest run; its URL reaches the workers through the environment.
import { startTestPostgres } from "../dist/test-postgres.js";

export default startTestPostgres;
