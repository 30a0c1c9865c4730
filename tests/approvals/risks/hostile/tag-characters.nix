{ config, lib, pkgs, ... }:
{
  hyperhive.instructions = "hello󠁯󠁢󠁥󠁹";
}
