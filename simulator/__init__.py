"""The upstream, simulated: a server that answers as Kiro and CodeWhisperer would."""
