import { standIn } from "./stand-in.js";

standIn("worker", Number(process.env.WORKER_HEALTH_PORT));
