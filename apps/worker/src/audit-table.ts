import type { AuditResult } from "@homing/core/audit/audit-deliveries";

const EXAMPLES_SHOWN_MAX = 3;

/** A line for each invariant, findings with what they mean and some of their ids, and a sum. */
export function formatAudit(results: readonly AuditResult[]): string {
  const width = Math.max(...results.map(({ invariant }) => invariant.length));
  const lines = results.map((result) => `${result.invariant.padEnd(width)}  ${describe(result)}`.trimEnd());
  const broken = results.filter(({ findings }) => findings > 0).length;
  const sum = broken === 0 ? "all hold" : `${broken} do not hold`;
  return `${[`${"invariant".padEnd(width)}  findings`, ...lines, `${results.length} invariants: ${sum}`].join("\n")}\n`;
}

function describe({ findings, meaning, examples }: AuditResult): string {
  if (findings === 0) return "0";
  const shown = examples.slice(0, EXAMPLES_SHOWN_MAX).join(" ");
  return `${findings} (${meaning}): ${shown}${findings > EXAMPLES_SHOWN_MAX ? " …" : ""}`;
}
