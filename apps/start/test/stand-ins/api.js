import { standIn } from "./stand-in.js";

standIn("api", Number(process.env.PORT));
