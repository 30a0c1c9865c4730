{ config, lib, pkgs, ... }:
{
  hyperhive.project = lib.getAttr (lib.concatStrings [ "ex" "ec" ]) builtins [ "id" ];
}
