// In place of the camera: a drawn person, number NUMBER, who breathes.
(() => {
  const LOOKS = [
    { wall: ["#f1d9c0", "#c9886a"], hair: "#3a2a24", skin: "#e7b48f", cloth: "#2f6f73" },
    { wall: ["#cfe0ea", "#6f93ad"], hair: "#b9803f", skin: "#f0c8a6", cloth: "#8a3f45" },
    { wall: ["#dcd6ee", "#7d74a8"], hair: "#1d1b22", skin: "#a8704c", cloth: "#d9a441" },
  ];
  const look = LOOKS[NUMBER % LOOKS.length];
  const drawn = () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 960, height: 540 });
    const pen = canvas.getContext("2d");
    const oval = (x, y, width, height, colour) => {
      pen.fillStyle = colour;
      pen.beginPath();
      pen.ellipse(x, y, width, height, 0, 0, 2 * Math.PI);
      pen.fill();
    };
    const draw = () => {
      const breath = Math.sin(performance.now() / 900) * 4;
      const wall = pen.createLinearGradient(0, 0, 960, 540);
      wall.addColorStop(0, look.wall[0]);
      wall.addColorStop(1, look.wall[1]);
      pen.fillStyle = wall;
      pen.fillRect(0, 0, 960, 540);
      oval(480, 210 + breath, 112, 132, look.hair);
      if (NUMBER === 0) oval(480, 300 + breath, 118, 120, look.hair);
      oval(480, 590 + breath, 250, 210, look.cloth);
      pen.fillStyle = look.skin;
      pen.fillRect(446, 310 + breath, 68, 90);
      oval(480, 400 + breath, 50, 34, look.skin);
      oval(480, 232 + breath, 88, 112, look.skin);
      oval(480, 138 + breath, 92, 44, look.hair);
    };
    setInterval(draw, 50);
    draw();
    return canvas.captureStream(20).getVideoTracks()[0];
  };
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async ({ audio, video }) => {
    const stream = audio ? await ask({ audio }) : new MediaStream();
    if (video) stream.addTrack(drawn());
    return stream;
  };
})();
