import type { Case } from "../case.js";
import { BACKLOG_CASE } from "./backlog-case.js";
import { FINISHED_CASE } from "./finished.js";
import { HANDOVER_CASE } from "./handover.js";
import { IDLE_CASE } from "./idle.js";
import { LATENCY_CASE } from "./latency-case.js";
import { LAYOUT_CASE } from "./layout-case.js";
import { PATH_CASE } from "./path.js";
import { RETRIES_CASE } from "./retries.js";
import { SHAPES_CASE } from "./shapes.js";
import { WORKERS_CASE } from "./workers.js";

/** How fast Homing is, and what it costs. */
export const SPEED: readonly Case[] = [
  PATH_CASE,
  LATENCY_CASE,
  WORKERS_CASE,
  IDLE_CASE,
  HANDOVER_CASE,
  SHAPES_CASE,
  RETRIES_CASE,
  FINISHED_CASE,
  BACKLOG_CASE,
  LAYOUT_CASE,
];
