/** Something to wait for until a test lets go. */
export interface Latch {
  released: Promise<void>;
  release(): void;
}

export function createLatch(): Latch {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { released, release: () => release() };
}
