// Wall times of time zones, for <input type="datetime-local">, which knows none.

export const OWN_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Every zone that the browser knows, with `zone` if that is none of them. */
export function zones(zone) {
  const known = Intl.supportedValuesOf?.("timeZone") ?? [OWN_ZONE];
  return [...new Set([...known, "UTC", OWN_ZONE, zone])].sort();
}

/** A moment as wall time: "2027-03-22T09:00". */
export function toWall(at, zone) {
  return new Date(Date.parse(at) + offsetMs(Date.parse(at), zone)).toISOString().slice(0, 16);
}

/** The moment of a wall time, as the API takes it; null for none. */
export function fromWall(wall, zone) {
  if (!wall) return null;
  const asUtc = Date.parse(`${wall}Z`);
  const near = asUtc - offsetMs(asUtc, zone);
  return new Date(asUtc - offsetMs(near, zone)).toISOString();
}

function offsetMs(at, zone) {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const wall = Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second);
  return wall - Math.floor(at / 1000) * 1000;
}
