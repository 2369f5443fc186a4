// This device's camera, microphone and screen, and what to tell a person when one can't be had.

const KEY = "parley.media";
const CAMERA = { width: { ideal: 960 }, height: { ideal: 540 }, frameRate: { ideal: 24, max: 30 } };

export const PROCESSING = ["echoCancellation", "noiseSuppression", "autoGainControl"];

/** The tracks that we send, by source; null where there is none. Fires `change` when a track comes, goes or dies. */
export class LocalMedia extends EventTarget {
  microphone = null;
  camera = null;
  screen = null;
  muted = false;

  constructor() {
    super();
    this.choices = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, ...remembered() };
  }

  /** Change devices or processing; they are used from the next opening on, and in later meetings. */
  choose(choices) {
    Object.assign(this.choices, choices);
    localStorage.setItem(KEY, JSON.stringify(this.choices));
  }

  /**
   * Ask for both with one prompt, then for each alone if that fails.
   * @returns {Promise<{microphone: Error|null, camera: Error|null}>} what could not be had
   */
  async openBoth() {
    try {
      const stream = await ask({ audio: this.#audioConstraints(), video: this.#videoConstraints() });
      this.#set("microphone", stream.getAudioTracks()[0]);
      this.#set("camera", stream.getVideoTracks()[0]);
      return { microphone: null, camera: null };
    } catch {
      const failed = { microphone: null, camera: null };
      for (const [source, open] of [
        ["microphone", () => this.openMicrophone()],
        ["camera", () => this.openCamera()],
      ]) {
        await open().catch((error) => (failed[source] = error));
      }
      return failed;
    }
  }

  async openMicrophone() {
    const stream = await ask({ audio: this.#audioConstraints() });
    this.#set("microphone", stream.getAudioTracks()[0]);
  }

  async openCamera() {
    const stream = await ask({ video: this.#videoConstraints() });
    this.#set("camera", stream.getVideoTracks()[0]);
  }

  /** Those of `sources` that can be had; without the others one goes on all the same. */
  async reopen(sources) {
    if (sources.length === 2) return this.openBoth();
    if (sources.includes("microphone")) await this.openMicrophone().catch(() => {});
    if (sources.includes("camera")) await this.openCamera().catch(() => {});
    return null;
  }

  async openScreen() {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: true, audio: false });
    const track = stream.getVideoTracks()[0];
    track.contentHint = "detail"; // text stays sharp; the frame rate gives way
    this.#set("screen", track);
  }

  /** The track is stopped, so that the device's light goes out. */
  close(source) {
    this.#set(source, null);
  }

  closeAll() {
    for (const source of ["microphone", "camera", "screen"]) this.#set(source, null);
  }

  /** The device stays open, so that unmuting is instant. */
  setMuted(muted) {
    this.muted = muted;
    if (this.microphone) this.microphone.enabled = !muted;
    this.#changed();
  }

  #set(source, track) {
    const old = this[source];
    if (!old && !track) return;
    this[source] = track;
    old?.stop();
    if (source === "microphone" && track) track.enabled = !this.muted;
    track?.addEventListener("ended", () => {
      if (this[source] === track) this.#set(source, null); // unplugged, or stopped in the browser's own bar
    });
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }

  #audioConstraints() {
    const processing = Object.fromEntries(PROCESSING.map((name) => [name, this.choices[name]]));
    return { ...processing, ...preferred(this.choices.microphone) };
  }

  #videoConstraints() {
    return { ...CAMERA, ...preferred(this.choices.camera) };
  }
}

/** Not `exact`: a device that was unplugged since must not stand in the way. */
function preferred(deviceId) {
  return deviceId ? { deviceId: { ideal: deviceId } } : {};
}

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

async function ask(constraints) {
  if (!navigator.mediaDevices?.getUserMedia) throw new DOMException("No secure context", "InsecureContext");
  return navigator.mediaDevices.getUserMedia(constraints);
}

export function canShareScreen() {
  return Boolean(navigator.mediaDevices?.getDisplayMedia);
}

export function canChooseSpeaker() {
  return "setSinkId" in HTMLMediaElement.prototype;
}

/** @returns {Promise<{audioinput: MediaDeviceInfo[], videoinput: MediaDeviceInfo[], audiooutput: MediaDeviceInfo[]}>} */
export async function listDevices() {
  const lists = { audioinput: [], videoinput: [], audiooutput: [] };
  const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  for (const device of all) if (device.deviceId) lists[device.kind].push(device);
  return lists;
}

/**
 * What a person can do about it.
 * @param {"camera" | "microphone" | "both"} source
 * @returns {{title: string, text: string}}
 */
export function explain(error, source) {
  const both = source === "both";
  const device = both ? "camera and microphone" : source;
  const are = both ? "are" : "is";
  switch (error.name) {
    case "InsecureContext":
      return {
        title: "This page can't use a camera or microphone",
        text: `Browsers allow them on HTTPS addresses and on localhost only. This page came from ${location.origin}.`,
      };
    case "NotAllowedError":
      return {
        title: `The ${device} ${are} blocked`,
        text: "Allow it in the browser's address bar (or in the system's privacy settings), then retry.",
      };
    case "NotFoundError":
    case "OverconstrainedError":
      return { title: `No ${device} found`, text: "Plug one in and retry, or join without." };
    case "NotReadableError":
      return {
        title: `The ${device} ${are} in use`,
        text: "Another program is using it. Close that program, then retry.",
      };
    default:
      return { title: `The ${device} can't be started`, text: error.message || error.name };
  }
}
