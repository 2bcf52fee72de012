import { stopTestPostgres } from "../dist/test-postgres.js";

export default stopTestPostgres;
