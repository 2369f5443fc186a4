// Before the call: see and hear oneself, choose devices, and learn plainly what is wrong with them.

import { explain } from "../call/media.js";
import { checkbox } from "../ui/dialog.js";
import { fill, h, icon } from "../ui/dom.js";
import { when } from "../ui/words.js";
import { avatar } from "../screens/people.js";
import { deviceFields } from "./devices.js";
import { meter } from "./meter.js";

const keyOf = (meetingId) => `parley.ai.${meetingId}`;

/** What one has said of transcripts and notes in this meeting, to be shown so the next time. */
export const keepWishes = (meetingId, ai) => sessionStorage.setItem(keyOf(meetingId), JSON.stringify(ai));

/**
 * @returns {Promise<object | null>} join with what `media` has, and with what was said of transcripts and notes; null: the
 *   person went elsewhere
 */
export function preJoin(app, root, meeting, media, left) {
  return new Promise((resolve) => {
    left.addEventListener("abort", () => resolve(null));
    const video = h("video", {
      autoplay: true,
      muted: true,
      playsinline: true,
      "aria-label": "You, as the others will see you",
    });
    video.muted = true; // the attribute alone doesn't mute an element that script has made
    const face = h(
      "div",
      { class: "mirror-empty" },
      avatar(app.client.user.display_name),
      h("p", {}, "Your camera is off"),
    );
    const level = meter();
    const microphone = h("button", { class: "control", onclick: () => toggleMicrophone() });
    const camera = h("button", { class: "control", onclick: () => toggleCamera() });
    const problems = h("div", { class: "problems", role: "alert" });
    const devices = h("div", { class: "stack" });
    const join = h("button", { class: "primary big", onclick: () => finish() }, "Join");
    let failed = { microphone: null, camera: null };
    const said = {};

    root.className = "screen pre-join";
    fill(
      root,
      h(
        "div",
        { class: "mirror" },
        video,
        face,
        h("div", { class: "mirror-controls" }, microphone, camera, level.element),
      ),
      h(
        "div",
        { class: "stack" },
        h(
          "div",
          {},
          !app.guest &&
            h("p", {}, h("a", { class: "back", href: `/meetings/${meeting.id}` }, icon("back"), "About this meeting")),
          h("h1", {}, meeting.title),
          h("p", { class: "when" }, icon("clock"), meeting.state === "live" ? "Happening now" : when(meeting)),
        ),
        problems,
        join,
        h("details", {}, h("summary", {}, icon("settings"), "Devices and sound"), devices),
        !meeting.e2ee && wishesOf(app.client.user, meeting, said),
      ),
    );

    async function open() {
      join.disabled = true;
      join.textContent = "Starting camera and microphone …";
      failed = await media.openBoth();
      if (left.aborted) return media.closeAll();
      join.disabled = false;
      await drawDevices();
      draw();
      join.focus();
    }

    async function attempt(source, work) {
      failed[source] = null;
      await work().catch((error) => (failed[source] = error));
      if (left.aborted) return media.closeAll();
      await drawDevices(); // labels are told only once something is allowed
      draw();
    }

    function toggleMicrophone() {
      if (media.microphone) return media.setMuted(!media.muted);
      return attempt("microphone", () => media.openMicrophone());
    }

    function toggleCamera() {
      if (media.camera) return media.close("camera");
      return attempt("camera", () => media.openCamera());
    }

    async function drawDevices() {
      fill(devices, ...(await deviceFields(media, attempt)));
    }

    function draw() {
      const speaking = media.microphone && !media.muted;
      fill(microphone, icon(speaking ? "mic" : "mic-off"), h("span", {}, speaking ? "Mute" : "Unmute"));
      microphone.classList.toggle("is-off", !speaking);
      fill(
        camera,
        icon(media.camera ? "camera" : "camera-off"),
        h("span", {}, media.camera ? "Stop camera" : "Start camera"),
      );
      camera.classList.toggle("is-off", !media.camera);
      video.hidden = !media.camera;
      face.hidden = Boolean(media.camera);
      if (video.srcObject?.getVideoTracks()[0] !== media.camera) {
        video.srcObject = media.camera ? new MediaStream([media.camera]) : null;
      }
      level.listen(speaking ? media.microphone : null);
      drawProblems();
      join.textContent = joinWords(media);
    }

    function drawProblems() {
      const wrong = Object.entries(failed).filter(([, error]) => error);
      const same = wrong.length === 2 && failed.camera.name === failed.microphone.name;
      const notes = same ? [explain(failed.camera, "both")] : wrong.map(([source, error]) => explain(error, source));
      fill(problems, notes.map(problemNotice), notes.length > 0 && h("button", { onclick: () => open() }, "Retry"));
    }

    function finish() {
      media.removeEventListener("change", draw);
      level.close();
      video.srcObject = null;
      resolve(said);
    }

    media.addEventListener("change", draw);
    left.addEventListener("abort", () => level.close());
    open();
  });
}

/** @param {object} said gets what the person changes */
function wishesOf(user, meeting, said) {
  const kept = JSON.parse(sessionStorage.getItem(keyOf(meeting.id))) ?? user.ai;
  const transcribe = checkbox("What I say may be transcribed", {
    checked: kept.transcribe,
    onchange: ({ target }) => {
      said.transcribe = target.checked;
      analyse.querySelector("input").disabled = !target.checked;
    },
  });
  const analyse = checkbox("Summaries and notes may be made of it", {
    checked: kept.analyse,
    disabled: !kept.transcribe,
    onchange: ({ target }) => (said.analyse = target.checked),
  });
  const hint = h("p", { class: "hint" }, "In this meeting; the others can see it.");
  return h(
    "details",
    {},
    h("summary", {}, icon("note"), "Transcripts and notes"),
    h("div", { class: "stack" }, h("div", {}, transcribe, analyse), hint),
  );
}

function problemNotice({ title, text }) {
  return h(
    "div",
    { class: "notice bad" },
    icon("warning"),
    h("div", {}, h("p", { class: "name" }, title), h("p", {}, text)),
  );
}

function joinWords(media) {
  if (media.microphone && media.camera) return "Join";
  if (media.microphone) return "Join without camera";
  if (media.camera) return "Join without microphone";
  return "Join without camera and microphone";
}
