{ config, lib, pkgs, ... }:
{
  imports = [ ./notes.txt ];
}
