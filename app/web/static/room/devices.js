// Which microphone, camera and speaker, and what the browser does to the sound.

import { canChooseSpeaker, explain, listDevices, PROCESSING } from "../call/media.js";
import { checkbox, openDialog, select } from "../ui/dialog.js";
import { fill, h, toast } from "../ui/dom.js";
import { qualityList } from "./quality.js";

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
  const { element } = openDialog("Devices", () => [place, connection]);
  navigator.mediaDevices?.addEventListener("devicechange", draw);
  element.addEventListener("close", () => {
    navigator.mediaDevices?.removeEventListener("devicechange", draw);
    quality.stop();
  });
  draw();
}
