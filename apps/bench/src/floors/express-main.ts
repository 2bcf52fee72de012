import express from "express";
import { ownEnv } from "../config.js";

// What a publish costs that does nothing: the body is read and parsed, and answered.
const app = express();
// As Homing has it.
app.disable("etag");
app.disable("x-powered-by");
app.get("/readyz", (_req, res) => void res.end());
app.use(express.json({ limit: "1mb" }));
app.post("/v1/events", (_req, res) => void res.status(202).json({ id: "evt_none", matched_webhooks: 1 }));
app.listen(ownEnv().port, "127.0.0.1");
process.once("SIGTERM", () => process.exit(0));
