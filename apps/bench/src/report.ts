import type { CaseResult, Comparison } from "./case.js";
import { type Goal, verdictOn } from "./goal.js";

const HEAD = ["", "case", "who", "p50 / p99 base, ms", "p50 / p99 with, ms", "p99 ratio", "target", ""];

const GOAL_HEAD = ["", "what", "measured", "needed", "to reach", ""];

/** A case that was run. */
export interface ReportedCase extends CaseResult {
  name: string;
  title: string;
}

/** The comparisons as a table, then every other figure and finding. */
export function describeCases(cases: readonly ReportedCase[]): string {
  const rows = cases.flatMap(({ name, title, comparisons }) =>
    comparisons.map((comparison, index) => [index === 0 ? name : "", index === 0 ? title : "", ...cells(comparison)]),
  );
  const goals = cases.flatMap(({ name, goals: all }) =>
    all.map((goal, index) => [index === 0 ? name : "", ...goalCells(goal)]),
  );
  const figures = cases.flatMap(({ name, figures: all }) => {
    const texts = Object.entries(all).map(([what, value]) => `${what} ${Math.round(value)}`);
    return texts.length === 0 ? [] : [`${name}: ${texts.join(", ")}`];
  });
  const findings = cases.flatMap(({ name, findings: all }) => all.map((finding) => `FOUND in ${name}: ${finding}`));
  const end =
    findings.length === 0 ? [`Nothing lost, repeated, stuck or out of order in ${cases.length} cases.`] : findings;
  const tables = [
    ...(rows.length === 0 ? [] : [...table([HEAD, ...rows]), ""]),
    ...(goals.length === 0 ? [] : [...table([GOAL_HEAD, ...goals]), ""]),
  ];
  return [...tables, ...figures, "", ...end].join("\n");
}

/** Whether a comparison keeps its target; null when it has none. */
export function isMet({ ratio, target }: Comparison): boolean | null {
  if (target === null) return null;
  return "ratioMax" in target ? ratio <= target.ratioMax : ratio > target.ratioMin;
}

function cells(comparison: Comparison): string[] {
  const { measure, base, with: harmed, ratio, target } = comparison;
  const met = isMet(comparison);
  const wanted =
    target === null ? "" : "ratioMax" in target ? `≤ ${target.ratioMax}` : `> ${target.ratioMin}, to show it`;
  return [
    measure,
    `${milliseconds(base.p50Ms)} / ${milliseconds(base.p99Ms)}`,
    `${milliseconds(harmed.p50Ms)} / ${milliseconds(harmed.p99Ms)}`,
    ratio.toFixed(2),
    wanted,
    met === null ? "" : met ? "met" : "MISSED",
  ];
}

function goalCells(goal: Goal): string[] {
  const bound = goal.isLessBetter ? "≤" : "≥";
  const spell = (value: number): string => `${value >= 100 ? Math.round(value) : value.toFixed(2)} ${goal.unit}`.trim();
  return [
    goal.what,
    spell(goal.value),
    `${bound} ${spell(goal.need)}`,
    `${bound} ${spell(goal.reach)}`,
    verdictOn(goal),
  ];
}

function milliseconds(value: number): string {
  return value.toFixed(value < 10 ? 1 : 0);
}

function table(rows: readonly (readonly string[])[]): string[] {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
