{ config, lib, pkgs, ... }:
{
  imports = [ (import (pkgs.runCommand "x" { } "echo {} > $out")) ];
}
