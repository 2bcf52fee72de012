/** Milliseconds since 1970 with their fractions, comparable between the processes of one machine. */
export function preciseNowMs(): number {
  return performance.timeOrigin + performance.now();
}
