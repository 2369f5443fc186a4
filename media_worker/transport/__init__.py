"""From the socket to decrypted packets: one UDP port, ICE-lite, DTLS, SRTP."""
