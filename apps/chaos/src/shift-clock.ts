// Loaded into a worker before its own code, as `…/shift-clock.js?ms=300000`: its clock is wrong by so much. Timers go on as before.
const shiftMs = Number(new URL(import.meta.url).searchParams.get("ms"));
const now = Date.now.bind(Date);
const timeOrigin = performance.timeOrigin;

globalThis.Date = new Proxy(Date, {
  construct: (Real, args, target) => Reflect.construct(Real, args.length === 0 ? [now() + shiftMs] : args, target),
  apply: () => new Date(now() + shiftMs).toString(),
  get: (Real, name, receiver) => (name === "now" ? () => now() + shiftMs : Reflect.get(Real, name, receiver)),
});
Object.defineProperty(performance, "timeOrigin", { value: timeOrigin + shiftMs });
