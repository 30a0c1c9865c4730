{ config, lib, pkgs, ... }:
{
  environment.etc.key.source = ~/.ssh/id_ed25519;
}
