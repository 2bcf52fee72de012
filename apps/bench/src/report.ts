import type { CaseResult, Comparison } from "./case.js";

const HEAD = ["", "case", "who", "p50 / p99 base, ms", "p50 / p99 with, ms", "p99 ratio", "target", ""];

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
  const figures = cases.map(
    ({ name, figures: all }) =>
      `${name}: ${Object.entries(all)
        .map(([what, value]) => `${what} ${Math.round(value)}`)
        .join(", ")}`,
  );
  const findings = cases.flatMap(({ name, findings: all }) => all.map((finding) => `FOUND in ${name}: ${finding}`));
  const end = findings.length === 0 ? [`Nothing lost, stuck or out of order in ${cases.length} cases.`] : findings;
  return [...table([HEAD, ...rows]), "", ...figures, "", ...end].join("\n");
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

function milliseconds(value: number): string {
  return value.toFixed(value < 10 ? 1 : 0);
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
