import type { Platform } from "../../src/platform/contract.ts";
import type {
  AcceptedPeers,
  LocalListener,
  PeerCredentials,
} from "../../src/platform/local_socket.ts";
import { selectPlatform } from "../../src/platform/select.ts";

/** This system, as if it identified a peer only after its first byte. */
export function lateIdentifyingPlatform(
  tell: (peer: PeerCredentials | undefined) => PeerCredentials | undefined,
): Platform {
  const platform = selectPlatform();
  const { pipes } = platform;
  if (pipes === undefined) {
    return { ...platform, trackPeers: (path) => identifyLate(platform.trackPeers(path), tell) };
  }
  const listen = (name: string): LocalListener & AcceptedPeers | undefined => {
    const listener = pipes.listen(name);
    return listener && {
      ...identifyLate(listener, tell),
      accept: () => listener.accept(),
      close: () => listener.close(),
    };
  };
  return { ...platform, pipes: { ...pipes, listen } };
}

function identifyLate(
  peers: AcceptedPeers,
  tell: (peer: PeerCredentials | undefined) => PeerCredentials | undefined,
): AcceptedPeers {
  return {
    identify() {
      const peer = peers.identify();
      if (peer === undefined || "identify" in peer) return peer;
      return { pid: peer.pid, identify: () => tell(peer) };
    },
    pin: () => peers.pin(),
  };
}
