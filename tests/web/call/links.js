// Two PeerLinks of one page, joined by a signaling that the test can cut, and by real ICE, DTLS and RTP.
window.linkPair = async ({ adaOffers = true, boOffers = false } = {}) => {
  const { PeerLink } = await import("/web/call/peer-link.js");
  const canvas = () => {
    const element = document.createElement("canvas");
    const context = element.getContext("2d");
    setInterval(() => context.fillRect(Math.random() * 9, 0, 9, 9), 100);
    return element.captureStream(10).getVideoTracks()[0];
  };
  const sound = () => new AudioContext().createMediaStreamDestination().stream.getAudioTracks()[0];
  const ends = {};
  const make = async (name, other, polite, offers) => {
    const end = {
      name,
      cut: false,
      sent: [],
      log: [],
      tracks: { microphone: sound(), camera: canvas(), screen: null },
    };
    ends[name] = end;
    let queue = Promise.resolve();
    end.receive = (type, payload) =>
      (queue = queue.then(() => end.link.receive(type, payload)).catch((error) => end.log.push(error)));
    end.begin = async (offersNow) => {
      end.link?.close();
      end.link = new PeerLink({
        polite,
        offers: offersNow,
        watched: true,
        tracks: end.tracks,
        iceServers: async () => [],
        lost: () => end.link.restart(),
        reachable: () => true,
        dropUnsent: () => {},
        send: (type, payload) => {
          end.sent.push(type);
          if (!end.cut) ends[other].receive(type, structuredClone(payload));
        },
        log: (event) => end.log.push(event),
      });
      await end.link.start();
    };
    end.share = (track) => {
      end.tracks.screen = track;
      end.link.setTrack("screen", track);
    };
    end.newScreen = canvas;
    end.offers = offers;
  };
  await make("ada", "bo", true, adaOffers);
  await make("bo", "ada", false, boOffers);
  await Promise.all([ends.ada.begin(adaOffers), ends.bo.begin(boOffers)]);
  return ends;
};

/** What each end has: its state, which of the other's tracks come, and how many m-lines there are. */
window.describeEnds = ({ ada, bo }) =>
  [ada, bo].map(({ link }) => ({
    state: link.state,
    coming: Object.keys(link.remote).filter((source) => link.remote[source]),
    lines: (link.connection.localDescription?.sdp.match(/^m=/gm) ?? []).length,
  }));

window.until = async (look, what) => {
  const deadline = performance.now() + 90_000; // a machine may stand still for a while
  while (performance.now() < deadline) {
    if (await look()) return;
    await new Promise((resolve) => requestAnimationFrame(() => resolve()));
  }
  throw new Error(`never: ${what}`);
};
