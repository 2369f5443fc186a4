// What a log may keep of a signal: enough to follow a negotiation, without ICE passwords, fingerprints or addresses.

export function describeSignal(type, payload) {
  if (payload?.sdp) return { type, bytes: payload.sdp.length, media: mediaLines(payload.sdp) };
  if (type === "rtc.candidate") return { type, candidate: candidateKind(payload.candidate) };
  return { type };
}

/** "audio sendrecv", "video recvonly", … in the order of the m-lines. */
function mediaLines(sdp) {
  return sdp
    .split(/^m=/m)
    .slice(1)
    .map((section) => {
      const kind = section.split(" ", 1)[0];
      const direction = /^a=(sendrecv|sendonly|recvonly|inactive)/m.exec(section)?.[1] ?? "";
      return `${kind} ${direction}`.trim();
    });
}

function candidateKind(candidate) {
  if (!candidate?.candidate) return "end";
  const [, , protocol = "?", , , , , type = "?"] = candidate.candidate.split(" ");
  return `${type} ${protocol.toLowerCase()}`;
}
