import type { Backend } from "./config.js";
import type { FaultLine, Verdict } from "./judge.js";

/** What one backend's run came to. */
export interface BackendResult extends Verdict {
  backend: Backend;
  rounds: number;
  seconds: number;
  /** From the last recovery until everything was finished. */
  drainSeconds: number;
}

const COLUMNS: [string, (line: FaultLine, recoverySecondsMax: number) => string][] = [
  ["fault", ({ fault }) => fault],
  ["count", ({ count }) => String(count)],
  ["recovery s", ({ recoverySeconds }, max) => recoverySeconds?.toFixed(1) ?? `> ${max}`],
  ["duplicates", ({ duplicates }) => String(duplicates)],
  ["without row", ({ unrecorded }) => String(unrecorded)],
  ["in flight", ({ inFlight }) => String(inFlight)],
  ["publish errors", ({ publishErrors }) => String(publishErrors)],
  ["orphans", ({ orphans }) => (orphans === null ? "" : String(orphans))],
  ["tried again s", ({ orphans, triedAgainSeconds }) => (orphans ? (triedAgainSeconds?.toFixed(1) ?? "never") : "")],
];

/** The result as a table, totals and findings for a terminal. */
export function describeResult(result: BackendResult, { recoverySecondsMax }: { recoverySecondsMax: number }): string {
  const { backend, rounds, seconds, drainSeconds, faults, totals, findings } = result;
  const rows = [
    COLUMNS.map(([title]) => title),
    ...faults.map((line) => COLUMNS.map(([, cell]) => cell(line, recoverySecondsMax))),
  ];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const table = rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  "),
  );
  const counts = Object.entries(totals).map(([name, count]) => `${spaced(name)} ${count}`);
  const faulty = findings.flatMap(({ kind, count, examples }) => [
    `${spaced(kind)}: ${count}`,
    ...examples.map((example) => `  ${example}`),
  ]);
  return [
    `Queue on ${backend}: ${rounds} ${rounds === 1 ? "round" : "rounds"}, ${seconds} s, of which ${drainSeconds} s to drain`,
    ...table,
    counts.join(", "),
    ...(faulty.length === 0 ? ["Nothing was found."] : faulty),
    "",
  ].join("\n");
}

function spaced(name: string): string {
  return name.replaceAll("_", " ").replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
