"""An agent's screen: what goes between a browser and the agent's VNC server, and who may drive it.

RFB is the protocol of RFC 6143; message numbers beyond it are those of the community's rfbproto document.
"""
