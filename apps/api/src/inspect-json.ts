import { toPointer } from "./problem.js";

/** Most arrays and objects inside one another. */
const NESTING_MAX = 64;

/** Most members and elements in all: a small body of millions of them would take a hundred times its bytes of memory. */
const MEMBERS_MAX = 500_000;

const FAULTS_MAX = 100;
// Postgres holds neither in text nor in jsonb.
const UNSTORABLE = /[\0\p{Surrogate}]/u;

interface Inspection {
  faults: { pointer: string; detail: string }[];
  membersTotal: number;
}

/**
 * Finds what no schema looks at: too deep nesting, too many members, NUL characters and lone surrogates in strings and member names,
 * and members named `__proto__`, which would become the prototype of a validated copy.
 * @param options.text whether strings and names are worth a look
 */
export function inspectJson(value: unknown, options: { text: boolean }): Inspection {
  const inspection: Inspection = { faults: [], membersTotal: 0 };
  visit(value, [], options.text, inspection);
  return inspection;
}

function visit(value: unknown, path: (string | number)[], text: boolean, found: Inspection): void {
  if (found.faults.length >= FAULTS_MAX) return;
  if (typeof value === "string") {
    if (text && UNSTORABLE.test(value)) addFault(found, path, "must not contain NUL characters or lone surrogates");
    return;
  }
  if (typeof value !== "object" || value === null) return;
  if (path.length >= NESTING_MAX) {
    addFault(found, path, `must not nest deeper than ${NESTING_MAX} arrays and objects`);
    return;
  }
  for (const [key, member] of entriesOf(value)) {
    found.membersTotal += 1;
    if (found.membersTotal > MEMBERS_MAX) {
      refuseWhole(found);
      return;
    }
    if (text && typeof key === "string") visitName(key, path, found);
    path.push(key);
    visit(member, path, text, found);
    path.pop();
  }
}

/** In the place of all other faults: there may be as many of them as members. */
function refuseWhole(found: Inspection): void {
  found.faults = [{ pointer: "", detail: `must not have more than ${MEMBERS_MAX} members and elements in all` }];
}

function visitName(name: string, path: readonly (string | number)[], found: Inspection): void {
  if (name === "__proto__") addFault(found, [...path, name], "is not a member name that can be taken");
  if (UNSTORABLE.test(name)) addFault(found, path, "must not have NUL characters or lone surrogates in member names");
}

function entriesOf(value: object): Iterable<[string | number, unknown]> {
  return Array.isArray(value) ? value.entries() : Object.entries(value);
}

function addFault(found: Inspection, path: readonly (string | number)[], detail: string): void {
  if (found.faults.length < FAULTS_MAX) found.faults.push({ pointer: toPointer(path), detail });
}
