int spaced;  
