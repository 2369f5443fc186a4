// Which microphone, camera and speaker, and what the browser does to the sound.

import { canChooseSpeaker, explain, listDevices, PROCESSING } from "../call/media.js";
import { checkbox, openDialog, select } from "../ui/dialog.js";
import { fill, h, toast } from "../ui/dom.js";
import { qualityList } from "./quality.js";
import { wantLocalTracks, wantsLocalTracks } from "./recorder.js";

const PROCESSING_WORDS = {
  echoCancellation: "Echo cancellation",
  noiseSuppression: "Noise suppression",
  autoGainControl: "Automatic volume",
};

/**
 * @param {LocalMedia} media
 * @param {(source: string, work: () => Promise<void>) => Promise<void>} attempt runs what may fail for want of a device
 * @returns {Promise<Element[]>}
 */
export async function deviceFields(media, attempt) {
  const lists = await listDevices();
  const reopen = {
    microphone: () => (media.microphone ? attempt("microphone", () => media.openMicrophone()) : null),
    camera: () => (media.camera ? attempt("camera", () => media.openCamera()) : null),
    speaker: () => media.dispatchEvent(new Event("speaker")),
  };
  const chooser = (label, source, devices) => {
    const current = media[source]?.getSettings?.().deviceId ?? media.choices[source] ?? "";
    const options = devices.map((device, at) => [device.deviceId, device.label || `${label} ${at + 1}`]);
    const onchange = (event) => {
      media.choose({ [source]: event.currentTarget.value });
      return reopen[source]();
    };
    return options.length > 0 && select(label, { options, value: current, onchange });
  };
  const toggles = PROCESSING.map((name) =>
    checkbox(PROCESSING_WORDS[name], {
      checked: media.choices[name],
      onchange: (event) => {
        media.choose({ [name]: event.currentTarget.checked });
        return reopen.microphone();
      },
    }),
  );
  const choosers = [
    chooser("Microphone", "microphone", lists.audioinput),
    chooser("Camera", "camera", lists.videoinput),
    canChooseSpeaker() && chooser("Speaker", "speaker", lists.audiooutput),
  ].filter(Boolean);
  return [...choosers, h("fieldset", {}, h("legend", {}, "Sound"), toggles)];
}

/** What this person's recordings ask for. Peer to peer there is no other way than that. */
function recording(call) {
  if (call.mode !== "sfu" || call.self.is_guest || !call.may("record")) return null;
  const wish = checkbox("When I record, have everybody's own device record them too (best quality)", {
    checked: wantsLocalTracks(),
    onchange: (event) => wantLocalTracks(event.currentTarget.checked),
  });
  return h("fieldset", {}, h("legend", {}, "Recording"), wish);
}

/** With the devices, how well what they send and receive goes. */
export function devicesDialog(media, call) {
  const place = h("div", { class: "stack" });
  const quality = qualityList(call);
  const connection = h("section", { class: "stack" }, h("h3", {}, "Connection"), quality.element);
  const attempt = async (source, work) => {
    try {
      await work();
    } catch (error) {
      const { title, text } = explain(error, source);
      toast(`${title}. ${text}`, { kind: "bad" });
    }
  };
  const draw = async () => fill(place, ...(await deviceFields(media, attempt)));
  const { element } = openDialog("Devices", () => [place, recording(call), connection]);
  navigator.mediaDevices?.addEventListener("devicechange", draw);
  element.addEventListener("close", () => {
    navigator.mediaDevices?.removeEventListener("devicechange", draw);
    quality.stop();
  });
  draw();
}
