"""`sonant speaker`: enrol voices, compare them, name them, group them, calibrate and fuse models."""

from __future__ import annotations

import typer

from sonant.cli.speaker import calibrate, fuse, listen, voices

app = typer.Typer(help="Tell who speaks: enrol, verify, identify, cluster.", no_args_is_help=True)
app.command("enroll")(voices.enroll)
app.command("verify")(voices.verify)
app.command("identify")(voices.identify)
app.command("listen")(listen.listen)
app.command("cluster")(voices.cluster)
app.command("calibrate")(calibrate.calibrate)
app.command("fuse")(fuse.fuse)
app.command("list")(voices.list_speakers)
app.command("forget")(voices.forget)
