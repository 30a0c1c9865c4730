{ config, lib, pkgs, ... }:
{
  hyperhive.instructions = "😀︀︁󠄐";
}
