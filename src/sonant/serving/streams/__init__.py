"""Live audio: many streams on common steps, and the two ways in, WebSocket and Wyoming over TCP."""
