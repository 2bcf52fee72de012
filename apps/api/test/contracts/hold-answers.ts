import type { TestReceiver } from "@homing/local/test-receiver";

/** From now on receivers keep their answers back; what is returned lets them go, with 200. */
export function holdAnswers(...receivers: Pick<TestReceiver, "answerWith">[]): () => void {
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  for (const receiver of receivers) {
    receiver.answerWith(async () => {
      await released;
      return {};
    });
  }
  return release;
}
