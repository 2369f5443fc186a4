/**
 * How long ago something was, though no clock of a device can be trusted alone: its wall clock is set, by hand or by the
 * network, and the browser's steady one (performance.now) stands still on some systems while they sleep. Time is what the
 * clock says that went further: to ask a server too soon does no harm, to wait for hours does.
 */
export class Stopwatch {
  #wall = Date.now();
  #steady = performance.now();

  get ms() {
    return Math.max(this.wallMs, this.steadyMs);
  }

  get wallMs() {
    return Date.now() - this.#wall;
  }

  get steadyMs() {
    return performance.now() - this.#steady;
  }
}
