import { setTimeout as wait } from "node:timers/promises";
import {
  type BackendFactory,
  type IQueueBackend,
  type Job,
  type JobProgress,
  Worker,
  type WorkerOptions,
} from "bullmq";
import type { Slots } from "./slots.js";

/**
 * BullMQ's worker with another loop: its own takes as many jobs at once as it is told, but a job of ours may hold many deliveries, of
 * which one may take long. This one takes the next job as soon as a slot is free for a delivery of it, whatever the jobs that it has wait for.
 * Completing, failing, locks, lost jobs and closing are BullMQ's.
 */
export class SlotWorker<Backend extends IQueueBackend, Connection> extends Worker<
  unknown,
  unknown,
  string,
  Backend,
  JobProgress,
  Connection
> {
  readonly #slots: Slots;
  readonly #slotsOf: (job: Job<unknown>) => number;
  readonly #isWokenByTake: boolean;
  readonly #underWay = new Set<Promise<void>>();
  /** Jobs that are being asked for. */
  #asking = 0;
  /** What the last job took: the next one may take as many. */
  #slotsPerJob = 1;
  #watching: (() => void)[] = [];

  /**
   * @param options.slots those in which the processor works
   * @param options.slotsOf how many of them a job takes
   * @param options.isWokenByTake whether taking a job ends the next wait for one, in case there are more, as on Redis
   */
  constructor(
    name: string,
    processor: (job: Job<unknown>, token?: string) => Promise<unknown>,
    {
      slots,
      slotsOf,
      isWokenByTake,
      ...options
    }: WorkerOptions<Connection> & { slots: Slots; slotsOf: (job: Job<unknown>) => number; isWokenByTake: boolean },
    backend: BackendFactory<Backend, Connection>,
  ) {
    super(name, processor, options, backend);
    this.#slots = slots;
    this.#slotsOf = slotsOf;
    this.#isWokenByTake = isWokenByTake;
  }

  /** Takes jobs until it is closed. */
  override async run(): Promise<void> {
    if (this.running) throw new Error("the worker is already running");
    this.running = true;
    try {
      await this.startStalledCheckTimer();
      this.lockManager.start();
      // What close() waits for.
      this.mainLoopRunning = this.#takeJobs();
      await this.mainLoopRunning;
    } finally {
      this.running = false;
    }
  }

  async #takeJobs(): Promise<void> {
    let mayBeAlone = true;
    for (let taken = 0; !this.closing && !this.paused; taken++) {
      // A limit that somebody set for the queue: until its end BullMQ answers that there is no job, and does not wait.
      await this["waitForRateLimit"]();
      const token = `${this.id}:${taken}`;
      const hasWaited = this["drained"];
      const job = await this.#takeJob(token);
      if (job !== undefined) this.#start(job, token);
      // The first job after an idle time is mostly alone: instead of asking in vain for another one, and then waiting in vain, it waits.
      if (job !== undefined && hasWaited && mayBeAlone && this.#isWokenByTake) this["drained"] = true;
      mayBeAlone = job === undefined || !hasWaited;
      await this.#whenRoom();
    }
    await Promise.all(this.#underWay);
  }

  /** Whether there is a slot beyond those of the jobs that are being asked for. */
  #hasRoom(): boolean {
    return this.#slots.free() > this.#asking * this.#slotsPerJob;
  }

  async #whenRoom(): Promise<void> {
    await this.#slots.whenFree();
    if (this.#hasRoom()) return undefined;
    await new Promise<void>((resolve) => this.#watching.push(resolve));
    return this.#whenRoom();
  }

  #countAnswer(): void {
    this.#asking -= 1;
    for (const tell of this.#watching.splice(0)) tell();
  }

  async #takeJob(token: string): Promise<Job<unknown> | undefined> {
    this.#asking += 1;
    try {
      return await this.getNextJob(token);
    } catch (error) {
      this.#report(error);
      await wait(this.opts.runRetryDelay);
      return undefined;
    } finally {
      this.#countAnswer();
    }
  }

  #start(job: Job<unknown>, token: string): void {
    const working = this.#work(job, token);
    this.#underWay.add(working);
    void working.finally(() => this.#underWay.delete(working));
  }

  /** Works on a job, and on those that it gets for telling that one has ended. */
  async #work(first: Job<unknown>, token: string): Promise<void> {
    let job: Job<unknown> | void = first;
    while (job !== undefined) {
      this.#slotsPerJob = this.#slotsOf(job);
      job = await this.#process(job, token);
    }
  }

  async #process(job: Job<unknown>, token: string): Promise<Job<unknown> | void> {
    let isAsking = false;
    const askForNext = (): boolean => {
      if (isAsking) return true;
      if (!this.#hasRoom()) return false;
      this.#asking += 1;
      isAsking = true;
      return true;
    };
    try {
      return await this.processJob(job, token, askForNext);
    } catch (error) {
      this.#report(error);
    } finally {
      if (isAsking) this.#countAnswer();
    }
  }

  #report(error: unknown): void {
    if (!this.closing) this.emit("error", error instanceof Error ? error : new Error(String(error)));
  }
}
