import { networkInterfaces } from "node:os";

const REFRESH_MS = 10_000;

/** The addresses of this machine's interfaces, at most 10 s old, and others that are its own, such as the one the API listens at. */
export function createOwnAddresses(others: readonly string[] = []): () => readonly string[] {
  let known: readonly string[] = [];
  let readAtMs = Number.NEGATIVE_INFINITY;
  return () => {
    const nowMs = performance.now();
    if (nowMs - readAtMs > REFRESH_MS) {
      const interfaces = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
      known = [...others, ...interfaces.map(({ address }) => address)];
      readAtMs = nowMs;
    }
    return known;
  };
}
