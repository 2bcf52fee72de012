import type { Case } from "../case.js";
import { HANGING_CASES } from "./hanging.js";
import { HEALED_CASE } from "./healed.js";
import { LOUD_CASE } from "./loud.js";
import { ORDERED_CASE } from "./ordered.js";
import { RELEASE_CASE } from "./release.js";

/** What keeps one webhook, and one organization, from harming the others. */
export const ISOLATION: readonly Case[] = [...HANGING_CASES, HEALED_CASE, LOUD_CASE, RELEASE_CASE, ORDERED_CASE];
