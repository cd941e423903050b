update();
