{ config, lib, pkgs, ... }:
{
  hyperhive.project = "/*" + (builtins.fetchGit "https://example.org/*/").rev;
}
