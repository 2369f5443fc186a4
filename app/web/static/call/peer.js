// What every peer connection needs, with a person or with the media server.

export const PATIENCE_MS = 12_000; // ICE gives up after about 15 s of silence; a new offer finds its way in under one
export const LONGEST_PATIENCE_MS = 60_000;

/** RFC 8122 §5. One is enough: all m-lines share a transport. */
export function fingerprintOf(sdp) {
  return /^a=fingerprint:(.+)$/m.exec(sdp)?.[1].trim().toUpperCase() ?? null;
}

/** Which kinds of addresses a connection goes between: `{local, remote}`, or null where it has none. */
export async function pathOf(pc) {
  const stats = await pc.getStats();
  const pair = [...stats.values()].find(
    (one) => one.type === "candidate-pair" && one.nominated && one.state === "succeeded",
  );
  const end = (id) => stats.get(id)?.candidateType;
  return pair ? { local: end(pair.localCandidateId), remote: end(pair.remoteCandidateId) } : null;
}

/** What a STUN or TURN server answered that gave us no address: 401 is a password that it does not take, 701 silence. */
export function logIceServers(pc, log) {
  pc.onicecandidateerror = ({ url, errorCode, errorText }) =>
    log("ice_server_failed", { url, code: errorCode, text: errorText });
}
