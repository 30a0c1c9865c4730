"""The process that carries screens once they are open: smooth whatever the web process is busy with.

The web process decides who is let in and speaks both handshakes; then it hands over both sockets. What is decided
later (who drives, when it ends) it says over a socket of packets; when either process ends, so do its screens.
"""
