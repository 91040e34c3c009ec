// An organ: each note an oscillator with the pipe's partials, faded in and out; one score plays at a time.
function organ(partials) {
  let audio = null, pipe = null, playing = null;

  function context() {
    if (audio === null) {
      audio = new AudioContext();
      pipe = audio.createPeriodicWave(new Float32Array(partials.length + 1), Float32Array.from([0, ...partials]));
    }
    audio.resume();
    return audio;
  }

  function stop() {
    if (playing === null) return;
    for (const voice of playing.voices) voice.stop();
    clearInterval(playing.clock);
    playing.button.textContent = "Play";
    playing.button.setAttribute("aria-label", playing.label);
    playing.button.classList.remove("on");
    playing.bar.value = 0;
    playing = null;
  }

  return function play(score, button, bar) {
    const again = playing !== null && playing.button === button;
    stop();
    if (again) return;
    const audio = context(), begin = audio.currentTime + 0.1;
    const voices = score.notes.map(([start, length, pitch]) => {
      const oscillator = audio.createOscillator(), gain = audio.createGain();
      oscillator.setPeriodicWave(pipe);
      oscillator.frequency.value = 440 * 2 ** ((pitch - 69) / 12);
      const rise = Math.min(0.02, length / 4), fall = Math.min(0.06, length / 3);
      gain.gain.setValueAtTime(0, begin + start);
      gain.gain.linearRampToValueAtTime(0.15, begin + start + rise);
      gain.gain.setValueAtTime(0.15, begin + start + length - fall);
      gain.gain.linearRampToValueAtTime(0, begin + start + length);
      oscillator.connect(gain).connect(audio.destination);
      oscillator.start(begin + start);
      oscillator.stop(begin + start + length);
      return oscillator;
    });
    const clock = setInterval(() => {
      bar.value = Math.max(0, audio.currentTime - begin);
      // A notebook may take the button away while it plays.
      if (audio.currentTime > begin + score.seconds || !button.isConnected) stop();
    }, 100);
    const label = button.getAttribute("aria-label");
    button.textContent = "Stop";
    button.setAttribute("aria-label", label.replace("Play", "Stop"));
    button.classList.add("on");
    playing = { voices, clock, button, bar, label };
  };
}
