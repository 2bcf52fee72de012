/**
 * A reason not to start that its reader can mend: a missing variable, a busy port, an unreachable database.
 * The message is one line, says what was wrong and where, and is printed without a stack.
 */
export class StartError extends Error {
  override name = "StartError";
}

/** Does one step of a start; what it throws becomes a StartError that names the step. */
export async function asStartError<Result>(step: string, run: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    throw new StartError(`${step}: ${error instanceof Error ? error.message.split("\n", 1)[0] : String(error)}`, {
      cause: error,
    });
  }
}
