{ config, lib, pkgs, ... }:
{
  environment.systemPackages = with pkgs; [ git ripgrep jq (python3.withPackages (p: [ p.requests ])) ];
  programs.git.enable = true;
  time.timeZone = "Europe/Berlin";
}
