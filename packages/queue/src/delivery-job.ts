import Joi from "joi";

/** The one queue of Homing. */
export const DELIVERY_QUEUE = "deliveries";

const HINTS_MAX = 100;

/** Which delivery to look at, and the attempt that is asked for. Ids only, never a payload. */
export interface DeliveryHint {
  /** UUID of the delivery. */
  deliveryId: string;
  /** UUID of its webhook. */
  webhookId: string;
  /** The delivery's series, from 1. */
  series: number;
  /** The attempt within the series, from 1. */
  number: number;
  /** It was taken from its webhook's line. */
  isPulled?: boolean;
  /** The lease of its last attempt ran out. */
  isTakenOver?: boolean;
  /** More than one worker may have died of it. */
  isSuspect?: boolean;
  /** A hint for it was to come by now and has not: this one has a name of its own. */
  isOverdue?: boolean;
}

/** What a job carries: a hint, or several that go through the queue as one. */
export interface DeliveryJob {
  hints: DeliveryHint[];
}

const hintSchema = Joi.object<DeliveryHint, true>({
  deliveryId: Joi.string().guid({ separator: "-", wrapper: false }).required(),
  webhookId: Joi.string().guid({ separator: "-", wrapper: false }).required(),
  series: Joi.number().integer().min(1).required(),
  number: Joi.number().integer().min(1).required(),
  isPulled: Joi.boolean(),
  isTakenOver: Joi.boolean(),
  isSuspect: Joi.boolean(),
  isOverdue: Joi.boolean(),
});

const deliveryJobSchema = Joi.object<DeliveryJob, true>({
  hints: Joi.array().items(hintSchema).min(1).max(HINTS_MAX).required(),
})
  .required()
  .prefs({ abortEarly: false, convert: false, errors: { wrap: { label: false } } });

/**
 * Checks a job's data where it leaves the queue: others may write to its store.
 * @throws Error naming each faulty field in one line
 */
export function parseDeliveryJob(data: unknown): DeliveryJob {
  const { error, value } = deliveryJobSchema.validate(data);
  if (error) throw new Error(`invalid delivery job: ${error.details.map(({ message }) => message).join("; ")}`);
  return value;
}

/**
 * Names what a job asks for. Two jobs of one name are one request for as long as the first waits or runs. A delayed job waits for the
 * clock of the process that added it, which may be wrong, so a hint that is overdue does not bear its name. The order of the hints says nothing.
 */
export function jobName({ hints }: DeliveryJob): string {
  const sorted = hints.toSorted((one, other) => (one.deliveryId < other.deliveryId ? -1 : 1));
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (first === undefined || last === undefined) throw new Error("a job without hints has no name");
  const { deliveryId, series, number, isOverdue = false } = first;
  const name = `${deliveryId}-${series}-${number}${isOverdue ? "-overdue" : ""}`;
  return hints.length === 1 ? name : `${name}-to-${last.deliveryId}-of-${hints.length}`;
}
