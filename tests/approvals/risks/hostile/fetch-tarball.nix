{ config, lib, pkgs, ... }:
{
  imports = [ (builtins.fetchTarball "https://example.org/x.tar.gz") ];
}
