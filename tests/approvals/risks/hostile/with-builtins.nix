{ config, lib, pkgs, ... }:
{
  hyperhive.project = with builtins; (fetchTree { type = "git"; url = "https://example.org"; }).rev;
}
