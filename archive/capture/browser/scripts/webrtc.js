// No page gets a peer connection: it would go past the fetcher. Whoever wants one is told that it is not allowed, and
// that it was wanted is reported. The browser's own settings keep such connections from reaching anyone as well.
(report) => {
  for (const name of ["RTCPeerConnection", "webkitRTCPeerConnection"]) {
    if (!(name in globalThis)) continue;
    globalThis[name] = new Proxy(globalThis[name], {
      construct(_target, [configuration]) {
        let servers = "";
        try {
          servers = (configuration?.iceServers ?? []).flatMap((server) => server.urls ?? server.url ?? []).join(" ");
        } catch {}
        report({ kind: "webrtc", url: "", reason: ("a peer connection, by way of: " + (servers || "no server")) });
        throw new DOMException("RTCPeerConnection is not allowed here", "NotAllowedError");
      },
    });
  }
}
